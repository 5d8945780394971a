--! title = "Top item and store combinations within a category"
--! question = "Which item, period and store groups, at every rollup level, are among the hundred best sellers of their category over twelve months?"
--! param.DMS = { default = 1200, int = [1176, 1224] }

select *
from (
    select
        i_category,
        i_class,
        i_brand,
        i_product_name,
        d_year,
        d_qoy,
        d_moy,
        s_store_id,
        sumsales,
        rank() over (partition by i_category order by sumsales desc) as rk
    from (
        select
            i_category,
            i_class,
            i_brand,
            i_product_name,
            d_year,
            d_qoy,
            d_moy,
            s_store_id,
            sum(coalesce(ss_sales_price * ss_quantity, 0)) as sumsales
        from store_sales
        join date_dim on ss_sold_date_sk = d_date_sk
        join store on ss_store_sk = s_store_sk
        join item on ss_item_sk = i_item_sk
        where d_month_seq between {DMS} and {DMS} + 11
        group by rollup (
            i_category,
            i_class,
            i_brand,
            i_product_name,
            d_year,
            d_qoy,
            d_moy,
            s_store_id
        )
    ) as rolled_up
) as ranked
where rk <= 100
order by
    i_category nulls first,
    i_class nulls first,
    i_brand nulls first,
    i_product_name nulls first,
    d_year nulls first,
    d_qoy nulls first,
    d_moy nulls first,
    s_store_id nulls first,
    sumsales,
    rk
limit 100
