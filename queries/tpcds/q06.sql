--! title = "States that buy dear items"
--! question = "In which states did customers buy at least ten items in a month whose price is over 1.2 times their category's average?"
--! param.MONTH = { default = 1, int = [1, 7] }
--! param.YEAR = { default = 2001, int = [1998, 2002] }

select
    ca_state as state,
    count(*) as cnt
from customer_address
join customer on ca_address_sk = c_current_addr_sk
join store_sales on c_customer_sk = ss_customer_sk
join date_dim on ss_sold_date_sk = d_date_sk
join item as i on ss_item_sk = i.i_item_sk
where d_month_seq = (
        select distinct d_month_seq
        from date_dim
        where d_year = {YEAR}
            and d_moy = {MONTH}
    )
    and i.i_current_price > 1.2 * (
        select avg(peer.i_current_price)
        from item as peer
        where peer.i_category = i.i_category
    )
group by ca_state
having count(*) >= 10
order by cnt, ca_state nulls first
limit 100
