--! title = "Items with unsteady stock in two months running"
--! question = "Which items had a stock level in a warehouse that varied by more than its mean in a month and in the next one?"
--! param.MONTH = { default = 1, int = [1, 4] }
--! param.YEAR = { default = 2001, int = [1998, 2002] }

with unsteady_stock as (
    select
        w_warehouse_name,
        w_warehouse_sk,
        i_item_sk,
        d_moy,
        stdev,
        mean,
        case mean when 0 then null else stdev / mean end as cov
    from (
        select
            w_warehouse_name,
            w_warehouse_sk,
            i_item_sk,
            d_moy,
            stddev_samp(inv_quantity_on_hand) as stdev,
            avg(inv_quantity_on_hand) as mean
        from inventory
        join item on inv_item_sk = i_item_sk
        join warehouse on inv_warehouse_sk = w_warehouse_sk
        join date_dim on inv_date_sk = d_date_sk
        where d_year = {YEAR}
        group by w_warehouse_name, w_warehouse_sk, i_item_sk, d_moy
    ) as monthly_stock
    where case mean when 0 then 0 else stdev / mean end > 1
)
select
    inv1.w_warehouse_sk,
    inv1.i_item_sk,
    inv1.d_moy,
    inv1.mean,
    inv1.cov,
    inv2.w_warehouse_sk,
    inv2.i_item_sk,
    inv2.d_moy,
    inv2.mean,
    inv2.cov
from unsteady_stock as inv1
join unsteady_stock as inv2
    on inv1.i_item_sk = inv2.i_item_sk
    and inv1.w_warehouse_sk = inv2.w_warehouse_sk
where inv1.d_moy = {MONTH}
    and inv2.d_moy = {MONTH} + 1
order by
    inv1.w_warehouse_sk,
    inv1.i_item_sk,
    inv1.d_moy,
    inv1.mean,
    inv1.cov,
    inv2.d_moy,
    inv2.mean,
    inv2.cov
