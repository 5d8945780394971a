--! title = "Best and worst items of a store by profit"
--! question = "Which items of a store earn the least and the most on average, of those above 0.9 times the average of its sales that lack a fact?"
--! param.NULLCOLSS.default = "ss_addr_sk"
--! param.NULLCOLSS.sql = [
--!     "ss_customer_sk", "ss_cdemo_sk", "ss_hdemo_sk", "ss_addr_sk", "ss_promo_sk",
--! ]
--! # scale dependent: the number of stores
--! param.STORE = { default = 4, int = [1, 12] }

-- the names best and worst are the definition's, though the ascending rank 1 earns least
select
    lowest.rnk,
    i1.i_product_name as best_performing,
    i2.i_product_name as worst_performing
from (
    select *
    from (
        select
            item_sk,
            rank() over (order by rank_col) as rnk
        from (
            select
                ss_item_sk as item_sk,
                avg(ss_net_profit) as rank_col
            from store_sales
            where ss_store_sk = {STORE}
            group by ss_item_sk
            having avg(ss_net_profit) > 0.9 * (
                    select avg(ss_net_profit) as rank_col
                    from store_sales
                    where ss_store_sk = {STORE}
                        and {NULLCOLSS} is null
                    group by ss_store_sk
                )
        ) as profits_up
    ) as ranks_up
    where rnk < 11
) as lowest
join (
    select *
    from (
        select
            item_sk,
            rank() over (order by rank_col desc) as rnk
        from (
            select
                ss_item_sk as item_sk,
                avg(ss_net_profit) as rank_col
            from store_sales
            where ss_store_sk = {STORE}
            group by ss_item_sk
            having avg(ss_net_profit) > 0.9 * (
                    select avg(ss_net_profit) as rank_col
                    from store_sales
                    where ss_store_sk = {STORE}
                        and {NULLCOLSS} is null
                    group by ss_store_sk
                )
        ) as profits_down
    ) as ranks_down
    where rnk < 11
) as highest on lowest.rnk = highest.rnk
join item as i1 on lowest.item_sk = i1.i_item_sk
join item as i2 on highest.item_sk = i2.i_item_sk
order by lowest.rnk
limit 100
